"""ONNX classifiers, rebuilt in TensorFlow for its converter: rebuild.py walks the graph; the rest are operators.

Why not onnx2tf? It was tried in an environment of its own, in November 2026, on 57 ONNX files that this package
rebuilds exactly: eleven small networks, PyTorch's two exporters, opsets 11 to 18, fixed and open batch. Version 2.6.9
converts 45 of them exactly through TensorFlow, and 26 directly. It needs Python 3.12 and 2.7 GB of disk. On Python 3.11
pip installs version 1.29.24: 31 of 57, and each colour model needs a download from the internet. The README.md beside
this folder has the table.
"""
