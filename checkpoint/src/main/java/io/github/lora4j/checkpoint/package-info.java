/**
 * Tensors by name, in the files other libraries write: {@link io.github.lora4j.checkpoint.Checkpoint} reads safetensors (one file or shards),
 * PyTorch's state dicts and the initialisers of ONNX models; {@link io.github.lora4j.checkpoint.SafetensorsWriter} writes safetensors, byte for byte
 * as the Python library does. Files are untrusted: nothing in them is executed, and every length and name is checked before it is used.
 */
package io.github.lora4j.checkpoint;
