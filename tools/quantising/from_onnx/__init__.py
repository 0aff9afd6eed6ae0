"""ONNX classifiers, rebuilt in TensorFlow so that its converter takes them (rebuild.py)."""
