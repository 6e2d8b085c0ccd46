"""Checkpoints of RecTools: fitted for one epoch, then every weight drawn, and what they recommend."""
import logging
import warnings

import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel, SASRecModel

from weights import randomise

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")


def dataset(histories):
    rows = [(user, item, 1.0, pd.Timestamp(1e9 + time, unit="s"))
            for user, history in enumerate(histories) for time, item in enumerate(history)]
    return Dataset.construct(pd.DataFrame(rows, columns=Columns.Interactions))


def make(model_class, items, length, **options):
    model = model_class(n_blocks=2, n_heads=2, n_factors=16, session_max_len=length, epochs=1,
                        batch_size=8, **options)
    # Every item twice, so that all of them are known.
    model.fit(dataset([[item, item] for item in items]))
    randomise(model.torch_model)
    return model


def ask(model, items, histories):
    """Returns the scores of recommend() for each history, one column an item of `items`."""
    users = list(range(len(histories)))
    found = model.recommend(users=users, dataset=dataset(histories), k=len(items),
                            filter_viewed=False)
    table = found.pivot(index=Columns.User, columns=Columns.Item, values=Columns.Score)
    return torch.tensor(table.loc[users, items].to_numpy())


def answers(model, shop, settings):
    # The checkpoint's order of items is the library's own.
    shop.items = list(model.data_preparator.get_known_item_ids())
    return model.torch_model, settings, [
        ("all histories", shop.histories, ask(model, shop.items, shop.histories))]


def sasrec(shop):
    model = make(SASRecModel, shop.items, shop.context)
    return answers(model, shop, ["backbone.sasrec.heads=2"])


def sasrec_masked_scaled(shop):
    model = make(SASRecModel, shop.items, shop.context, use_key_padding_mask=True,
                 pos_encoding_kwargs={"use_scale_factor": True})
    return answers(model, shop, ["backbone.sasrec.heads=2", "backbone.sasrec.padding=unseen",
                                 "backbone.sasrec.input_scale=sqrt_dim"])


def bert4rec(shop):
    model = make(BERT4RecModel, shop.items, shop.context + 1, mask_prob=0.5)
    return answers(model, shop, ["backbone.bert4rec.heads=2"])
