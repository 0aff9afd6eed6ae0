"""What tools/quantize.py does, step by step, to make the device's int8 model out of somebody's own float model."""
