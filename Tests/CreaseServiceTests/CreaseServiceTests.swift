// Tests of CreaseService.
