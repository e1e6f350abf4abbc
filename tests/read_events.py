"""Reads a run's event files with PyPI's tensorboard: read_events.py RUN. The run has two epochs and was
resumed for a third. Prints "N passed, N failed" last."""
import json
import math
import os
import sys

from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.plugins import base_plugin
from tensorboard.util import tensor_util

run = sys.argv[1]
count = {True: 0, False: 0}


def check(name, good):
    count[bool(good)] += 1
    if not good:
        print("FAILED:", name)


checks = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
board = plugin_event_multiplexer.EventMultiplexer()
board.AddRunsFromDirectory(run)
board.Reload()
tags = {name: tags["tensors"] for name, tags in board.Runs().items()}
TOP, TRAIN, VALIDATION = "tensorboard", "tensorboard/train", "tensorboard/validation"
check("three folders of events", sorted(tags) == [TOP, TRAIN, VALIDATION])


def arrays(part, tag):
    return [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in board.Tensors(part, tag)]


def scalars(part, tag):
    return [(step, float(value)) for step, value in arrays(part, tag)]


def same(points, part, key):
    want = [(c["step"], c[part][key]) for c in checks]
    near = [math.isclose(p[1], w[1], rel_tol=1e-6) for p, w in zip(points, want)]
    return [p[0] for p in points] == [w[0] for w in want] and all(near) and len(points) == 3


# One tag in two runs is one chart with two lines.
check("losses of both parts have one tag", "loss" in tags[TRAIN] and "loss" in tags[VALIDATION])
check("the training losses are the log's", same(scalars(TRAIN, "loss"), "train", "loss"))
check("the validation losses are the log's", same(scalars(VALIDATION, "loss"), "val", "loss"))
check("the accuracies are the log's", same(scalars(VALIDATION, "accuracy"), "val", "accuracy"))
check("learning rates", all(v == 0.125 for _, v in scalars(TRAIN, "lr")))
check("gradient norms", all(v > 0 for _, v in scalars(TRAIN, "grad_norm")))
check("rates", all(v > 0 for _, v in scalars(TRAIN, "samples_per_second")))

for name, size in (("fc.weight", 16), ("fc.bias", 8), ("2.weight", 16), ("2.bias", 2)):
    histograms = arrays(TRAIN, "weights/" + name)
    check("a histogram of %s at each check" % name, [step for step, _ in histograms] == [4, 8, 12])
    check("it counts each of %s" % name, all(h[:, 2].sum() == size for _, h in histograms))
    check("shown as histogram", board.SummaryMetadata(
        TRAIN, "weights/" + name).plugin_data.plugin_name == "histograms")

text = board.Tensors(TOP, "recipe")[0].tensor_proto.string_val[0].decode()
check("the recipe is text", "optimizer:" in text and "spirals" in text)
check("shown by the text plugin",
      board.SummaryMetadata(TOP, "recipe").plugin_data.plugin_name == "text")

# The table of settings, as its page asks for it.
provider = data_provider.MultiplexerDataProvider(board, run)
table = backend_context.Context(base_plugin.TBContext(data_provider=provider))
ctx = RequestContext()
metadata = table.hparams_metadata(ctx, "")
experiment = table.experiment_from_metadata(
    ctx, "", True, metadata, table.hparams_from_data_provider(ctx, "", 1000))
names = [info.name for info in experiment.hparam_infos]
check("settings are columns", "optimizer.lr" in names and "train.batch" in names)
metrics = {(m.name.group, m.name.tag) for m in experiment.metric_infos}
check("the losses of both parts are columns",
      {("train", "loss"), ("validation", "loss"), ("validation", "accuracy")} <= metrics)
request = api_pb2.ListSessionGroupsRequest(
    start_index=0, slice_size=9, include_metrics=True, allowed_statuses=[api_pb2.STATUS_UNKNOWN])
for m in experiment.metric_infos:
    request.col_params.add(metric=m.name)
groups = list_session_groups.Handler(ctx, table, "", request).run().session_groups
check("one run, one row", len(groups) == 1)
check("with its learning rate", groups and groups[0].hparams["optimizer.lr"].number_value == 0.125)
values = {(v.name.group, v.name.tag): v.value for v in groups[0].metric_values} if groups else {}
check("and its last loss", math.isclose(values.get(("validation", "loss"), 0),
                                        checks[-1]["val"]["loss"], rel_tol=1e-6))

print("%d passed, %d failed" % (count[True], count[False]))
