/** Plans that broke something once: each has to hold for good. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parsePlan } from '../../src/simulator/plan-file.ts'
import { runWithCodec } from '../../src/simulator/wire.ts'

const folder = new URL('./plans/', import.meta.url)

test.each(readdirSync(folder))('%s holds', (file) => {
  const { failure } = runWithCodec(parsePlan(readFileSync(new URL(file, folder), 'utf8')))
  expect(failure).toBeNull()
})
