#!/usr/bin/env python3
"""One epoch of SASRec on MovieLens 1M in RecTools: the peer of `raie_sanity` with an epoch at most.

    python benchmarks/peers/rectools_epoch.py RATINGS [--length 200] [--threads 1]

RATINGS is ratings.dat, plain or .xz. Every rating counts, each user's last two events are left out,
the last `length` items are read; d 128, 2 blocks, full softmax at all positions, batch 128, one thread.
RecTools is in tests/interop/requirements.txt. Prints wall and processor seconds of a fit of one epoch.
"""
import argparse
import logging
import time
import warnings

import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


def read(path):
    table = pd.read_csv(path, sep="::", engine="python", header=None,
                        names=[Columns.User, Columns.Item, Columns.Weight, Columns.Datetime])
    table = table.sort_values([Columns.User, Columns.Datetime], kind="stable")
    table = table[table.groupby(Columns.User).cumcount(ascending=False) >= 2]
    table[Columns.Datetime] = pd.to_datetime(table[Columns.Datetime], unit="s")
    table[Columns.Weight] = 1.0
    return Dataset.construct(table)


def seconds(dataset, length):
    model = SASRecModel(n_blocks=2, n_heads=2, n_factors=128, session_max_len=length, epochs=1,
                        batch_size=128, loss="softmax", lr=1e-3, dropout_rate=0.2)
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(dataset)
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ratings")
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = read(arguments.ratings)
    wall, cpu = seconds(dataset, arguments.length)
    print(f"RecTools, L {arguments.length}: an epoch {wall:.1f} s, {cpu:.1f} s of processor time")


if __name__ == "__main__":
    main()
