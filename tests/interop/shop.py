"""A small simulated shop, and what raie says about it."""
import csv
import json
import pathlib
import random
import subprocess


class Raie:
    """The program; every call must succeed."""

    def __init__(self, program):
        self.program = program

    def __call__(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"raie {' '.join(map(str, arguments))}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))


class Shop:
    """An interaction log, prepared with contexts of `context` items, and histories to ask about."""

    def __init__(self, raie, work, context):
        self.raie, self.work, self.context = raie, pathlib.Path(work), context
        log = self.work / "log"
        raie("data", "simulate", "--output", log, "--seed", 3, "--set", "simulate.users=150",
             "--set", "simulate.events=6000", "--set", "simulate.items=60",
             "--set", "simulate.interests=3")
        self.data = self.work / "data"
        raie("data", "prepare", "--input", log / "events.csv", "--output", self.data,
             "--context", context)
        with open(log / "events.csv") as file:
            self.events = list(csv.DictReader(file))
        items = sorted({event["item"] for event in self.events})
        draw = random.Random(5)
        draw.shuffle(items)
        # The catalogue of the checkpoint is not that of the data: one item less, three more.
        self.unlisted = items.pop()
        self.items = ["old-1", *items[:20], "old-2", *items[20:], "old-3"]
        known = [item for item in items]
        self.histories = [draw.choices(known, k=length)
                          for length in (1, 2, 3, context - 1, context, context + 1, 4 * context)]
        self.histories.append([known[0]] * 3)

    def write_items(self, folder):
        (folder / "items.txt").write_text("".join(f"{item}\n" for item in self.items))

    def import_model(self, folder, map_file, name, *settings):
        """Imports `folder` as a model directory; checks what is said of the items."""
        model = self.work / f"{name}-model"
        report = self.raie.json("import", "--from", folder, "--map", map_file, "--data", self.data,
                                "--model", model, "--set", "regions.k=3", *settings)
        items = report["items"]
        assert items["listed"] == len(self.items), items
        assert items["first_only_in_data"] == [self.unlisted], items
        assert items["first_only_in_list"] == ["old-1", "old-2", "old-3"], items
        assert items["matched"] + items["later"] + items["only_in_list"] == items["listed"], items
        assert items["matched"] + items["only_in_data"] == items["catalogue"], items
        return model

    def scores(self, model, histories):
        """Returns for each history {item: score} of the whole catalogue."""
        asked = self.work / "histories"
        asked.write_text("".join("\t".join(history) + "\n" for history in histories))
        answers = self.raie("recommend", "--model", model, "--input", asked, "--include-seen",
                            "--count", 100000, "--json")
        return [{item["item"]: item["score"] for item in json.loads(line)["items"]}
                for line in answers.splitlines()]
