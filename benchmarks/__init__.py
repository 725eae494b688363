"""What longcall costs, measured beside the bare SDK and the bare provider library in the same run."""
