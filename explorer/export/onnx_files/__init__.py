"""Export to ONNX: markers, the exporter of PyTorch, then a pass that puts integers and quantizers into the graph."""
