"""Makes tests/data/two-heads*: a table with a class and a number to learn, weights to start from, and what
PyTorch makes of them (test_heads.c does the same). Needs torch, numpy, safetensors."""
import csv, pathlib
import numpy as np, torch
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "data"
rng = np.random.default_rng(7)


def write(name, n):
    person, lab = rng.normal(0, 1, (n, 2)).round(2), rng.normal(0, 1, (n, 4)).round(2)
    sex = rng.choice(["f", "m"], n)
    score = 0.8 * person[:, 0] + lab[:, 0] - 0.7 * lab[:, 1] + 0.3 * (sex == "m")
    kind = np.where(score < -0.7, "low", np.where(score < 0.7, "mid", "high"))
    days = (lab[:, 2] * lab[:, 3] + 0.5 * person[:, 1] + rng.normal(0, 0.1, n)).round(3)
    with open(folder / name, "w") as f:
        f.write("kind,age,bmi,sex,lab_a,lab_b,lab_c,lab_d,days\n")
        for i in range(n):
            row = [kind[i], *person[i], sex[i], *lab[i], days[i]]
            f.write(",".join(str(v) for v in row) + "\n")


def read(name):
    rows = list(csv.DictReader(open(folder / name)))
    number = lambda *keys: np.array([[float(r[k]) for k in keys] for r in rows], np.float32)
    sex = np.array([[r["sex"] == s for s in "fm"] for r in rows], np.float32)
    kind = np.array([["high", "low", "mid"].index(r["kind"]) for r in rows])
    return (torch.tensor(np.concatenate([number("age", "bmi"), sex], 1)),
            torch.tensor(number("lab_a", "lab_b", "lab_c", "lab_d")),
            torch.tensor(kind), torch.tensor(number("days")))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = torch.nn.Linear
        self.person_net = torch.nn.Sequential(linear(4, 6), torch.nn.Tanh())
        self.lab_net = torch.nn.Sequential(linear(4, 6), torch.nn.Tanh())
        self.trunk = linear(24, 8)
        self.kind, self.days = linear(8, 3), linear(8, 1)

    def forward(self, person, lab):
        a, b = self.person_net(person), self.lab_net(lab)
        t = torch.relu(self.trunk(torch.cat([a, b, a * b, a + b], 1)))
        return self.kind(t), self.days(t)


def losses(net, person, lab, kind, days):
    k, d = net(person, lab)
    return torch.nn.functional.cross_entropy(k, kind), torch.nn.functional.huber_loss(d, days)


write("two-heads.csv", 100)
write("two-heads-test.csv", 30)
torch.manual_seed(1)
net = Net()
save_file(net.state_dict(), folder / "two-heads-init.safetensors")
train, test = read("two-heads.csv"), read("two-heads-test.csv")
step = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(6):
    for at in range(0, 100, 32):
        k, d = losses(net, *(t[at:at + 32] for t in train))
        step.zero_grad()
        (k + 0.5 * d).backward()
        step.step()
save_file(net.state_dict(), folder / "two-heads-trained.safetensors")
with torch.no_grad():
    k, d = losses(net, *test)
    out_k, out_d = net(*test[:2])
    print("loss %.9g kind.loss %.9g days.loss %.9g" % (k + 0.5 * d, k, d))
    print("kind.accuracy %.9g" % (out_k.argmax(1) == test[2]).double().mean())
    print("days.mae %.9g" % (out_d - test[3]).abs().double().mean())
    spread = ((test[3] - test[3].mean()) ** 2).sum()
    print("days.r2 %.9g" % (1 - ((out_d - test[3]) ** 2).sum() / spread))
    print("row 0: kind", torch.softmax(out_k, 1)[0].tolist(), "days", out_d[0].item())
