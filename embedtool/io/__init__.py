"""Files and folders: atomic writes, safetensors, downloads, encodings."""
