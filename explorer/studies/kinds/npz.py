"""``[data]`` without a kind: an npz file of uint8 images of one size and their labels (`data.images`)."""

from typing import Literal

from explorer.studies.data.archive import read_npz
from explorer.studies.data.images import ImageData
from explorer.studies.identity.origin import stamp
from explorer.studies.kinds.sections import DataSection, Deviations, Loaded, Means, PathText, Place
from explorer.studies.weights import file_sha256


class NpzSection(DataSection):
    """Images in an npz file."""

    kind: Literal["npz"] = "npz"
    path: PathText
    mean: Means
    std: Deviations

    def load(self, place: Place) -> Loaded:
        """Read the file; see `DataSection`."""
        path = place.folder / self.path
        found = stamp(path)
        data = ImageData(read_npz(path), mean=self.mean, std=self.std, source=path.name)
        return Loaded(data, {self.path: file_sha256(path)}, (found,))
