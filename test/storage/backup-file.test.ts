import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/core/digest.ts'
import { BackupReader, BackupWriter } from '../../src/storage/backup-file.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-backup-'))
  path = join(directory, 'backup')
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const lines = Buffer.from('["session"]\n["end",3]\n'.repeat(3_000))

function headerFor(content: Uint8Array) {
  return {
    ...{ cluster: 'c', service: 'lock', instance: 7, head: { clockMs: 1_000, runningDigest: 'abc' } },
    members: [{ id: 0, address: 'h:1', counted: true }],
    takenAt: '2026-01-01T00:00:00.000Z',
    ...{ lengthBytes: content.length, digest: sha256Hex(content) },
  }
}

/** Writes the file, and returns its size. */
function write(): number {
  const writer = new BackupWriter(path)
  writer.begin()
  writer.write(lines.subarray(0, 1_000))
  writer.write(lines.subarray(1_000))
  return writer.finish(headerFor(lines))
}

test('what was written is read, and nobody else can read it', async () => {
  const fileBytes = write()
  const backup = new BackupReader(path)
  expect(backup.header).toEqual({ format: 1, ...headerFor(lines) })
  expect(Buffer.concat([...backup.parts()]).equals(lines)).toBe(true)
  expect(statSync(path)).toMatchObject({ mode: 0o100600, size: fileBytes })
  expect(await readdir(directory), 'no temporary file').toEqual(['backup'])
})

test('what was begun anew replaces what came before', () => {
  const writer = new BackupWriter(path)
  writer.begin()
  writer.write(Buffer.alloc(100_000, 1))
  writer.begin()
  writer.write(lines)
  writer.finish(headerFor(lines))
  expect(Buffer.concat([...new BackupReader(path).parts()]).equals(lines)).toBe(true)
})

test('a file is never replaced, and one that is not complete never appears', async () => {
  writeFileSync(path, 'mine')
  expect(() => new BackupWriter(path)).toThrow(`${path} exists: give another name, or remove it`)
  await rm(path)
  const writer = new BackupWriter(path)
  writer.write(lines.subarray(1))
  expect(() => writer.finish(headerFor(lines))).toThrow('the backup was damaged on its way')
  writer.discard()
  expect(await readdir(directory)).toEqual([])
  const second = new BackupWriter(path)
  second.write(lines)
  writeFileSync(path, 'mine')
  expect(() => second.finish(headerFor(lines))).toThrow('exists')
  second.discard()
  expect(readFileSync(path, 'utf8')).toBe('mine')
})

describe('a file that is not as it was written is refused', () => {
  test('with any byte changed', () => {
    write()
    const whole = readFileSync(path)
    const places = [
      ...[0, 5, 30, 31, 35, 40, 60, 200, 400, 600, 5_000, 16_382, 16_383, 16_384],
      ...[16_385, 30_000, whole.length - 1],
    ]
    for (const place of places) {
      for (const flip of [1, 0x80]) {
        const changed = Buffer.from(whole)
        changed[place] = (changed[place] ?? 0) ^ flip
        writeFileSync(path, changed)
        expect(() => new BackupReader(path), `byte ${place}`).toThrow(/is damaged|is no backup/)
      }
    }
  })

  test.each([
    ...[1, 31, 100, 16_383].map(
      (bytes) => [bytes, `to ${bytes} bytes, and its header alone has 16384`] as const,
    ),
    [16_384, `0 of the ${lines.length} bytes after its header`] as const,
    [20_000, `3616 of the ${lines.length} bytes after its header`] as const,
  ])('cut to %i bytes', (bytes, how) => {
    write()
    truncateSync(path, bytes)
    const read = () => new BackupReader(path)
    expect(read).toThrow(`${path} is damaged: it is cut short`)
    expect(read).toThrow(`${how}`)
    expect(read).toThrow('Use another backup')
  })

  test('with more behind it, or zeros in it', () => {
    write()
    const whole = readFileSync(path)
    appendFileSync(path, 'x')
    expect(() => new BackupReader(path)).toThrow('bytes follow its header')
    writeFileSync(path, Buffer.from(whole).fill(0, 20_000, 24_096))
    expect(() => new BackupReader(path)).toThrow('SHA-256')
  })

  test('of another kind, or of another format', () => {
    writeFileSync(path, '')
    expect(() => new BackupReader(path)).toThrow('is no backup of paxos: it is empty')
    writeFileSync(path, 'something else')
    expect(() => new BackupReader(path)).toThrow('does not begin as one')
    expect(() => new BackupReader(directory)).toThrow('cannot be read')
    expect(() => new BackupReader(join(directory, 'missing'))).toThrow('ENOENT')
  })
})
