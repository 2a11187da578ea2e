"""The benchmarks of `vigil bench`: each measures the service from outside, beside a floor of the same run."""
