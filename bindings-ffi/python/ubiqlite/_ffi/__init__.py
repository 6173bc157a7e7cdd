"""The compiled library, and the module that uniffi makes for it: both are built, not kept."""
