import { expectSdk } from '../shadow/src/expect-sdk.ts'

// Before any test: on another SDK they would all pass and say nothing.
expectSdk()
