/** The program `paxos`, as one bundle. */
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { noticesFile } from '../../scripts/notices.ts'
import { main } from '../support/built-paxos.ts'
import { root } from './installed.ts'

const folder = dirname(main)

/** The code of all modules of the bundle. */
async function bundledCode(): Promise<string> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.js'))
  return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n')
}

test('it is the program of the package', async () => {
  const { bin } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  expect(join(root, bin.paxos)).toBe(main)
  expect(await readFile(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

test('it ships the notice of every package that it has code of', async () => {
  const names = new Set(
    [...(await bundledCode()).matchAll(/^ *\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)].map(
      ([, name]) => name,
    ),
  )
  expect([...names].sort()).toEqual(['@noble/hashes', '@sinclair/typebox', 'ipaddr.js', 'xstate'])
  const text = await readFile(join(folder, noticesFile), 'utf8')
  for (const name of names) {
    const { version } = JSON.parse(await readFile(join(root, `node_modules/${name}/package.json`), 'utf8'))
    expect(text).toContain(`\n${name} ${version} (`)
  }
  expect(await readFile(main, 'utf8')).toContain(noticesFile)
})

test('it loads the checker, the simulator and the replay only for the commands that use them', async () => {
  const loaded = new Set<string>()
  const open = [main]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (loaded.has(file)) continue
    loaded.add(file)
    const imports = (await readFile(file, 'utf8')).matchAll(/^(?:import|\} from) ?.*"(\.\/[^"]+\.js)";$/gm)
    for (const [, name = ''] of imports) open.push(join(folder, name))
  }
  const codes = await Promise.all([...loaded].map((file) => readFile(file, 'utf8')))
  const folders = new Set([...codes.join('\n').matchAll(/^\/\/ src\/(\w+)\//gm)].map(([, name]) => name))
  expect(folders).toContain('client')
  for (const name of ['checker', 'simulator', 'replay']) expect(folders).not.toContain(name)
})
