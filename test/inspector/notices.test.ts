import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPage } from '../../scripts/build-inspector.ts'
import { bundledPackages, noticesFile } from '../../scripts/notices.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paxos-notices-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe.each(['live', 'playground'] as const)('the %s page', (mode) => {
  test('ships the notice of every package that it has code of', async () => {
    const inputs = await buildPage(mode, folder)
    const text = await readFile(join(folder, noticesFile), 'utf8')
    const names = new Set(
      inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
    )
    expect([...names]).toEqual(expect.arrayContaining(['preact', 'xstate']))
    for (const name of names) {
      const { version } = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8'))
      expect(text).toContain(`\n${name} ${version} (`)
    }
    for (const { name, texts } of bundledPackages(inputs)) {
      expect(names).toContain(name)
      for (const notice of texts) expect(text).toContain(notice.trim())
    }
    expect(await readFile(join(folder, 'app.js'), 'utf8')).toContain(noticesFile)
  })
})

test('code without a licence is not shipped', () => {
  expect(() => bundledPackages(['node_modules/.bin/none/x.js'])).toThrow()
})

test('the package that npm publishes has the page with its notices', async () => {
  const { files } = JSON.parse(await readFile('package.json', 'utf8'))
  expect(files).toContain('dist')
  expect(files.filter((file: string) => /^!.*inspector/.test(file))).toEqual([])
})
