// Tests of HardFamilies.
