"""Train on made-up rows and leave history and weights, if it is not to be killed in an epoch."""

import argparse
import os
import signal
from pathlib import Path

import torch
from made_up import rows
from safetensors.torch import save_file

from spoken_cefr.neural_networks.heads import HEADS
from spoken_cefr.neural_networks.models import RegularisedDNN
from spoken_cefr.neural_networks.training import Plan, train


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--killed_in_epoch", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    examples = rows(n=201)
    draw, begun = examples.draw, []

    def draw_or_die(*options):
        begun.append("an epoch")
        if len(begun) == arguments.killed_in_epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        return draw(*options)

    examples.draw = draw_or_die
    torch.manual_seed(0)
    model = RegularisedDNN(8, widths=(16, 8), n_outputs=4)
    plan = Plan(
        batch_size=25,
        epochs=8,
        seed=3,
        learning_rate=1e-2,
        class_weights=torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0]),
    )
    history = train(
        model,
        examples,
        rows(n=60, seed=1),
        head=HEADS["corn"],
        plan=plan,
        checkpoint=arguments.folder / "checkpoint.safetensors",
        key="k",
    )
    history.to_csv(arguments.folder / "history.csv", index=False)
    save_file(model.state_dict(), arguments.folder / "model.safetensors")


if __name__ == "__main__":
    main()
