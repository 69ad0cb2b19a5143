// The HardFamilies module.
