"""Checkpoints of RecBole: its model classes with random weights, and what they say."""
import torch
from recbole.model.sequential_recommender.bert4rec import BERT4Rec
from recbole.model.sequential_recommender.sasrec import SASRec

from weights import randomise

OPTIONS = dict(n_layers=2, n_heads=3, hidden_size=24, inner_size=40, hidden_dropout_prob=0.5,
               attn_dropout_prob=0.5, hidden_act="gelu", layer_norm_eps=1e-12,
               initializer_range=0.02, loss_type="CE", mask_ratio=0.2, USER_ID_FIELD="user_id",
               ITEM_ID_FIELD="item_id", LIST_SUFFIX="_list", ITEM_LIST_LENGTH_FIELD="item_length",
               NEG_PREFIX="neg_", MASK_ITEM_SEQ="mask_item_seq", POS_ITEMS="pos_items",
               NEG_ITEMS="neg_items", MASK_INDEX="mask_index", device=torch.device("cpu"))


class Items:
    """Stands for RecBole's dataset: all a model asks of it is how many items there are."""

    def __init__(self, items):
        self.count = len(items) + 1  # item 0 is padding

    def num(self, _field):
        return self.count


def make(model_class, items, max_length):
    model = model_class(dict(OPTIONS, MAX_ITEM_LIST_LENGTH=max_length), Items(items))
    randomise(model)
    return model


def ask(model, items, histories, max_length):
    """Returns the scores of full_sort_predict for each history, one column an item of `items`."""
    rows = torch.zeros(len(histories), max_length, dtype=torch.long)
    lengths = torch.zeros(len(histories), dtype=torch.long)
    number = {item: i + 1 for i, item in enumerate(items)}
    for row, history in enumerate(histories):
        history = history[-max_length:]
        rows[row, :len(history)] = torch.tensor([number[item] for item in history])
        lengths[row] = len(history)
    with torch.no_grad():
        return model.full_sort_predict({"item_id_list": rows, "item_length": lengths})[:, 1:]


def sasrec(shop):
    model = make(SASRec, shop.items, shop.context)
    return model, ["backbone.sasrec.heads=3"], [
        ("all histories", shop.histories,
         ask(model, shop.items, shop.histories, shop.context))]


def bert4rec(shop):
    # full_sort_predict puts [MASK] behind the history and then cuts the first place off, also where
    # there is room for both. So it is asked with an item more, which it drops; and once with the
    # histories as they are, against histories without their first item.
    places = shop.context + 1
    model = make(BERT4Rec, shop.items, places)
    longer = [[shop.items[0], *history][-places:] for history in shop.histories]
    cut = [history for history in shop.histories if len(history) > 1]
    return model, ["backbone.bert4rec.heads=3"], [
        ("an item more for RecBole to drop", shop.histories,
         ask(model, shop.items, longer, places)),
        ("histories without their first item",
         [history[-places:][1:] for history in cut], ask(model, shop.items, cut, places))]
