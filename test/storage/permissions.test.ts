/** Directories for their own user only. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makePrivateDirectory } from '../../src/storage/permissions.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'paxos-permissions-'))
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('a directory is made with all above it, and one that is there stays', () => {
  const path = join(directory, 'a', 'b')
  makePrivateDirectory(path)
  makePrivateDirectory(path)
  for (const made of [path, join(directory, 'a')]) expect(statSync(made).mode & 0o777).toBe(0o700)
})

test('a file in the way is named', () => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  expect(() => makePrivateDirectory(file)).toThrow(/EEXIST.*file/)
  expect(() => makePrivateDirectory(join(file, 'below'))).toThrow(/ENOTDIR.*below/)
})

// In a process of its own: where it does not return, nothing ends the test.
test.runIf(process.platform === 'linux')(
  'a parent that takes no directories is an error, not an endless loop',
  () => {
    const source = new URL('../../src/storage/permissions.ts', import.meta.url)
    const code = `import { makePrivateDirectory } from ${JSON.stringify(source.href)}; makePrivateDirectory('/proc/paxos/0')`
    const ran = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(ran.signal).toBeNull()
    expect(ran.stderr).toContain("ENOENT: no such file or directory, mkdir '/proc/paxos'")
  },
)
