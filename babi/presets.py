"""Named settings for `babi/train.py --preset=NAME`; flags given besides override them.

`docs/reproduction.md` says what each reaches, and what was tried on the way.
"""

# A model whose memory comes into use early: large weights for words and reads, few
# slots at first, the word that is read as a second target.
_EARLY = {
    "weight_stddev": 0.05,
    "input_stddev": 0.6,
    "read_stddev": 0.5,
    "word_loss": 0.1,
    "optimizer": "adam",
    "rho": 0.999,
    "epsilon": 1e-7,
    "warmup_steps": 300,
    "max_grad_norm": 1.0,
    "visualise_interval": 0,
}

# Small updates, many of them, with more of the tasks that come late.
_JOINT = _EARLY | {
    "packed_rows": 8,
    "row_length": 192,
    "memory_size": 32,
    "learning_rate": 1e-3,
    "fill_tasks": "simulated",
    # Names change places but in task 17, which is not found while they do.
    "exchange_names": True,
    "keep_names": "17",
    "retell_task_16": True,
    "task_weights": "2:2,3:0,14:2,15:3,16:5,17:8,18:2,19:3",
    "phases":
        "24000 memory_size=64 packed_rows=6 row_length=320 keep_names=none "
        "learning_rate_schedule=cosine decay_steps=16000 decay_rate=0.03 "
        "task_weights=2:4,3:3,7:2,8:2,14:2,16:3,17:6,18:2,19:2; "
        "30000 retell_task_16=false",
    "num_training_iterations": 40_000,
    "validation_interval": 2_000,
    "checkpoint_interval": 2_000,
    "strategy": "mirrored",
}

PRESETS = {
    # DNC1 as published: the defaults of the settings.
    "paper": {},
    # Task 1 alone with a small model, in two minutes.
    "quick": _EARLY | {
        "tasks": (1,),
        "controller_units": 64,
        "memory_size": 8,
        "word_size": 32,
        "num_read_heads": 2,
        "packed_rows": 4,
        "row_length": 96,
        "learning_rate": 2e-3,
        "learning_rate_schedule": "cosine",
        "decay_steps": 7_700,
        "num_training_iterations": 8_000,
        "validation_interval": 1_000,
    },
    # All tasks with the paper's equations.
    "joint": _JOINT,
    # The best there is, with any variant of the model.
    "best": _JOINT | {"layer_norm": True},
    # The same on new simulated stories for ever: no official one at all.
    "simulated": _JOINT | {
        "data": "simulated",
        "fill_tasks": "none",
        "exchange_names": False,
        "keep_names": "none",
        "sampling": "tasks",
        "task_weights": "2:2,3:0,14:2,15:3,16:5,17:3,18:1.5,19:5",
        "phases":
            "24000 memory_size=64 packed_rows=6 row_length=320 "
            "learning_rate_schedule=cosine decay_steps=16000 decay_rate=0.03 "
            "task_weights=2:3,3:3,7:1.5,14:1.5,16:4,17:2,19:4; "
            "30000 retell_task_16=false",
    },
}
