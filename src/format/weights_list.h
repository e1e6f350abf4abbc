// Formats of weights, one line each: struct belay_weights_format belay_format_NAME.
FORMAT(shards)
FORMAT(pth)
FORMAT(npz)
FORMAT(safetensors)
