"""Reading faces that people labelled: with emotions, in sheets (emotions.py); with boxes, in pictures (boxes.py)."""
