"""Files and folders: whole or not at all, safetensors, downloads, encodings."""
