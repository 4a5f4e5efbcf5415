"""The student before training: new rows from word alignment, the body as it was.

python -m rag.training.start --data ../shared/data --work .training
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer

from rag.training.data import arguments
from rag.training.model import ENGLISH_ROWS, first_rows, teacher
from rag.training.teacher import materials


def main() -> None:
    """Write WORK/start.pt."""
    options = arguments(__doc__ or "").parse_args()
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    student = teacher(tokenizer.get_vocab_size())
    old = student.rows.detach()[:ENGLISH_ROWS].numpy()
    rows = first_rows(tokenizer, materials(options.data).pairs, old)
    with torch.no_grad():
        student.rows[ENGLISH_ROWS:] = torch.from_numpy(rows)
    torch.save({"model": student.state_dict(), "step": 0}, options.work / "start.pt")


if __name__ == "__main__":
    main()
