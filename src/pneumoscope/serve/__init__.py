"""Films arriving -> readings leaving: whatever carries them, all go through one desk."""
