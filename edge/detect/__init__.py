"""Finding plates in frames: `openvino` is what a box runs, `yolo` runs ultralytics on the same weights."""
