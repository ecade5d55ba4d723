"""What a candidate does and what it may not do: policy, forbidden code, safeguards, capabilities, behaviour."""
