"""A small training as people write them: two processes, gloo, a checkpoint each step, and on from the last one.

It runs with the Python of PyTorch, not with that of the tests.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

STEPS = 30
folder = Path(os.environ["CHECKPOINT_DIR"])
dist.init_process_group("gloo")
rank = dist.get_rank()
assert rank == int(os.environ["NODE_RANK"]), "ranks are the pods' numbers"
assert dist.get_world_size() == int(os.environ["WORLD_SIZE"]) == 2
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
begin, kept = 0, folder / "last.pt"
if kept.exists():
    state = torch.load(kept, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    begin = state["step"]
print(json.dumps({"rank": rank, "pid": os.getpid(), "user": os.getuid(), "begins": begin}), flush=True)
loss = torch.tensor(0.0)
for step in range(begin, STEPS):
    generator = torch.Generator().manual_seed(1000 * step + rank)
    inputs = torch.randn(16, 8, generator=generator)
    loss = (model(inputs) - inputs.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    dist.all_reduce(loss)
    if rank == 0:
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
        torch.save(state, folder / "next.pt")
        (folder / "next.pt").replace(kept)
    time.sleep(float(sys.argv[1]))
print(json.dumps({"rank": rank, "loss": loss.item()}), flush=True)
dist.destroy_process_group()
