"""What a study is, so that a change of it is noticed: its files, its code, and what its network says of samples."""
