import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { apiDocument, apiFile } from '../scripts/api-document.ts'

test('docs/api.md is as the doc comments of the public interface say: npm run docs:api writes it', async () => {
  expect(await readFile(apiFile, 'utf8')).toBe(await apiDocument())
})
