"""Files of weights between Belay and the real torch, safetensors and numpy.

usage: pytorch.py BELAY FOLDER      prints "N passed, N failed" last
"""
import json
import os
import subprocess
import sys

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

belay, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
os.chdir(folder)
passed = failed = 0


def run(*args, code=0):
    done = subprocess.run([belay, *args], capture_output=True, text=True)
    assert done.returncode == code, (args, done.returncode, done.stderr)
    return done.stdout + done.stderr


def same(a, b, at=""):
    if isinstance(a, torch.Tensor):
        assert isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape, at
        assert torch.equal(a.view(torch.uint8) if a.dim() else a, b.view(torch.uint8) if b.dim() else b), at
    elif isinstance(a, dict):
        assert list(a) == list(b), (at, list(a), list(b))
        for key in a:
            same(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b), at
        for i, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{at}[{i}]")
    else:
        assert type(a) is type(b) and (a == b or a != a), (at, a, b)


def model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(),
                               torch.nn.Linear(144, 5))


def trained():
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(6, 1, 8, 8)).square().mean().backward()
        optimizer.step()
        schedule.step()
    return net, optimizer, schedule


def every_type():
    kinds = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
             torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.uint16,
             torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2]
    return {str(k): (torch.arange(6) % 2).to(k).reshape(2, 3) for k in kinds}


def state_dict_both_ways():
    net, _, _ = trained()
    torch.save(net.state_dict(), "net.pth")
    run("convert", "net.pth", "net.safetensors")
    other = model()
    other.load_state_dict(load_file("net.safetensors"))
    same(dict(net.state_dict()), dict(other.state_dict()))
    run("convert", "net.safetensors", "back.pth")
    other = model()
    other.load_state_dict(torch.load("back.pth", weights_only=True))
    same(dict(net.state_dict()), dict(other.state_dict()))


def checkpoint_keeps_its_nesting():
    net, optimizer, schedule = trained()
    saved = {"epoch": 3, "model_state_dict": net.state_dict(), "optimizer_state_dict": optimizer.state_dict(),
             "schedule": {k: v for k, v in schedule.state_dict().items() if k != "milestones"},
             "best": None, "amp": True, "loss": 0.1, "name": "größe", "betas": (0.9, 0.999), "odd": "7",
             "rng": torch.get_rng_state(), "nan": float("nan"), "long": -2**80}
    torch.save(saved, "checkpoint.pth")
    run("convert", "checkpoint.pth", "checkpoint.safetensors")
    run("convert", "checkpoint.safetensors", "again.pth")
    again = torch.load("again.pth", weights_only=True)
    saved["model_state_dict"] = dict(saved["model_state_dict"])
    same(saved, again)
    other = model()
    other.load_state_dict(again["model_state_dict"])
    fresh = torch.optim.AdamW(other.parameters())
    fresh.load_state_dict(again["optimizer_state_dict"])
    same(optimizer.state_dict(), fresh.state_dict())
    run("convert", "checkpoint.pth", "weights.pth", "--weights-only")
    same(saved["model_state_dict"], torch.load("weights.pth", weights_only=True))


def every_type_both_ways():
    tensors = every_type()
    torch.save(tensors, "types.pth")
    run("convert", "types.pth", "types2.pth")
    same(tensors, torch.load("types2.pth", weights_only=True))
    run("convert", "types.pth", "types.safetensors")
    same({k: tensors[k] for k in sorted(tensors)}, {k: v for k, v in sorted(load_file("types.safetensors").items())})


def views_and_ties():
    base = torch.arange(24.0)
    saved = {"t": base.reshape(4, 6).t(), "step": base[1::3], "expanded": base[:1].expand(3, 2), "a": base, "b": base}
    torch.save(saved, "views.pth")
    run("convert", "views.pth", "views2.pth")
    got = torch.load("views2.pth", weights_only=True)
    for key in saved:
        assert torch.equal(saved[key], got[key]), key
    assert got["a"].data_ptr() == got["b"].data_ptr(), "tied tensors share their storage"


def legacy_format():
    net, _, _ = trained()
    torch.save(net.state_dict(), "old.pth", _use_new_zipfile_serialization=False)
    run("convert", "old.pth", "old.safetensors")
    same({k: v for k, v in sorted(net.state_dict().items())}, {k: v for k, v in sorted(load_file("old.safetensors").items())})


def same_bytes_as_the_reference():
    for name, tensors in [("net", {k: v.contiguous() for k, v in trained()[0].state_dict().items()}),
                          ("types", every_type()), ("empty", {}), ("odd", {"a\"b\n": torch.zeros(0, 3), "ü": torch.ones(1)})]:
        save_file(tensors, f"{name}.ref.safetensors")
        torch.save(tensors, f"{name}.ref.pth")
        run("convert", f"{name}.ref.pth", f"{name}.plain.safetensors", "--plain")
        a, b = (open(f"{name}.{k}.safetensors", "rb").read() for k in ("ref", "plain"))
        assert a == b, name
        run("convert", f"{name}.ref.safetensors", f"{name}.plain2.safetensors", "--plain")
        assert a == open(f"{name}.plain2.safetensors", "rb").read(), name


def numpy_both_ways():
    tensors = {k: v for k, v in every_type().items() if v.dtype not in
               (torch.bfloat16, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2)}
    tensors["scalar"], tensors["empty"] = torch.tensor(3.5), torch.zeros(0, 4)
    save_file(tensors, "n.safetensors")
    run("convert", "n.safetensors", "n.npz")
    with numpy.load("n.npz", allow_pickle=False) as got:
        assert sorted(got) == sorted(tensors)
        for key in got:
            assert got[key].dtype == tensors[key].numpy().dtype and numpy.array_equal(got[key], tensors[key].numpy()), key
    for name, write in [("s", numpy.savez), ("c", numpy.savez_compressed)]:
        write(f"{name}.npz", **{k: v.numpy() for k, v in tensors.items()})
        run("convert", f"{name}.npz", f"{name}.safetensors", "--plain")
        assert open(f"{name}.safetensors", "rb").read() == open("n.safetensors", "rb").read(), name


def shards():
    net, _, _ = trained()
    torch.save(net.state_dict(), "net.pth")
    run("convert", "net.pth", "model.safetensors.index.json", "--shard-size", "1KB")
    index = json.load(open("model.safetensors.index.json"))
    got = {}
    for key, file in index["weight_map"].items():
        with safe_open(file, "pt") as f:
            assert f.metadata()["format"] == "pt"
            got[key] = f.get_tensor(key)
    assert len(set(index["weight_map"].values())) > 1
    want = net.state_dict()
    same({k: want[k] for k in sorted(want)}, {k: got[k] for k in sorted(got)})
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in got.values())
    assert "0 different" in run("diff", "model.safetensors.index.json", "net.pth")


def half_types():
    net, _, _ = trained()
    torch.save(net.state_dict(), "net.pth")
    for name, kind in [("f16", torch.float16), ("bf16", torch.bfloat16)]:
        run("convert", "net.pth", "half.pth", "--dtype", name)
        want = {k: v.to(kind) if v.is_floating_point() else v for k, v in net.state_dict().items()}
        same(want, torch.load("half.pth", weights_only=True))


def modules_are_refused():
    torch.save(model(), "whole.pth")
    said = run("inspect", "whole.pth", code=1)
    assert "torch.save(model.state_dict()" in said, said


for test in [state_dict_both_ways, checkpoint_keeps_its_nesting, every_type_both_ways, views_and_ties,
             legacy_format, same_bytes_as_the_reference, numpy_both_ways, shards, half_types, modules_are_refused]:
    try:
        test()
        passed += 1
    except Exception as error:
        failed += 1
        print(f"FAILED: {test.__name__}: {type(error).__name__}: {error}")
print(f"{passed} passed, {failed} failed")
