/** Writes docs/api.md from the doc comments of the public interface: `npm run docs:api`. */
import { writeFile } from 'node:fs/promises'
import { apiDocument, apiFile } from './api-document.ts'

await writeFile(apiFile, await apiDocument())
