import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openLevelDatabase, type Put } from '../../src/storage/level-database.ts'
import { LevelStorage } from '../../src/storage/level-storage.ts'
import { encodeRecord, instanceKey } from '../../src/storage/records.ts'
import { StorageError } from '../../src/storage/storage.ts'
import { accepting, ballot, batch, identity, learning, record } from './fixtures.ts'
import { describeStorage } from './suite.ts'

async function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'paxos-storage-'))
}

describeStorage('level', async () => {
  const parent = await temporaryDirectory()
  return {
    storage: () => new LevelStorage(join(parent, 'store')),
    dispose: () => rm(parent, { recursive: true }),
  }
})

describe('level', () => {
  let parent: string
  let directory: string

  beforeEach(async () => {
    parent = await temporaryDirectory()
    directory = join(parent, 'store')
  })
  afterEach(() => rm(parent, { recursive: true }))

  async function founded(openDatabase?: (directory: string) => Promise<Database>): Promise<LevelStorage> {
    const storage = new LevelStorage(directory, openDatabase)
    await storage.open()
    await storage.initialise(identity)
    return storage
  }

  /** Three instances chosen, the second of which had been accepted as something else; two accepted. */
  async function used(): Promise<void> {
    const storage = await founded()
    await storage.persist(accepting(1, record(0, 1, 'a'), record(1, 1, 'loser')))
    await storage.persist(learning(0, 'a', 'b', 'c'))
    await storage.persist(accepting(2, record(3, 2, 'd'), record(4, 2, 'e')))
    await storage.close()
  }

  async function raw<T>(use: (database: ClassicLevel) => Promise<T>): Promise<T> {
    const database = new ClassicLevel(directory)
    await database.open()
    const result = await use(database)
    await database.close()
    return result
  }

  async function refusal(): Promise<string> {
    const storage = new LevelStorage(directory)
    const error = await storage.open().then(
      () => null,
      (error: unknown) => error,
    )
    await storage.close()
    if (!(error instanceof StorageError)) throw new Error(`it opened, or failed in another way: ${error}`)
    expect(error.message).toContain(directory)
    return error.message
  }

  describe('opening', () => {
    it('makes the directory and its parents', async () => {
      directory = join(parent, 'a', 'b', 'store')
      await (await founded()).close()
      expect((await stat(directory)).isDirectory()).toBe(true)
    })

    it('refuses a directory that this process has open', async () => {
      const storage = await founded()
      expect(await refusal()).toContain('it is in use by another process')
      await storage.persist(accepting(1))
      await storage.close()
    })

    it('refuses a path that is no directory', async () => {
      await writeFile(join(parent, 'file'), '')
      directory = join(parent, 'file')
      expect(await refusal()).toContain('it cannot be opened')
      directory = join(parent, 'file', 'store')
      expect(await refusal()).toContain('it cannot be opened')
    })

    // To the superuser every directory is writable.
    it.skipIf(process.getuid?.() === 0)('refuses a directory that it may not write to', async () => {
      await chmod(parent, 0o500)
      expect(await refusal()).toContain('Give a directory that this process may write to')
      await chmod(parent, 0o700)
    })

    it('refuses a directory with the files of something else, and leaves it as it is', async () => {
      directory = parent
      await writeFile(join(directory, 'notes.txt'), 'mine')
      expect(await refusal()).toContain('it is not a store: it holds notes.txt')
      expect(await readdir(directory)).toEqual(['notes.txt'])
    })

    it('refuses a database of something else', async () => {
      await raw((database) => database.put('colour', 'green'))
      expect(await refusal()).toContain('it is not a store of this kind: it holds a record "colour"')
    })

    it('refuses a record of something else among its own', async () => {
      await used()
      await raw((database) => database.put('instance/12', 'x'))
      expect(await refusal()).toContain('it holds a record "instance/12"')
    })

    it('refuses a format that it does not know', async () => {
      await used()
      await raw((database) => database.put('meta/identity', encodeRecord(1, { format: 99, ...identity })))
      expect(await refusal()).toContain('its format is 99, and this version reads format 2')
    })

    it('goes on with a first start that was cut short', async () => {
      await (await openLevelDatabase(directory)).close()
      for (const file of await readdir(directory)) {
        if (!file.startsWith('LO') && !file.startsWith('MANIFEST')) await rm(join(directory, file))
      }
      await (await founded()).close()
    })

    it('lets go of a directory that it refused', async () => {
      await used()
      const stored = await raw(async (database) => {
        const stored = await database.get('meta/state')
        await database.put('meta/state', 'damaged')
        return stored!
      })
      await refusal()
      await raw((database) => database.put('meta/state', stored))
      const storage = new LevelStorage(directory)
      expect((await storage.open()).firstUnchosen).toBe(3)
      await storage.close()
    })
  })

  describe('damage', () => {
    const keys = ['meta/identity', 'meta/state', ...[0, 1, 2, 3, 4].map(instanceKey)]

    it('is what the store of these tests does not have', async () => {
      await used()
      expect(await raw((database) => database.keys().all())).toEqual([...keys].sort())
      const storage = new LevelStorage(directory)
      expect(await storage.open()).toEqual({
        identity,
        promised: ballot(2),
        accepted: [record(3, 2, 'd'), record(4, 2, 'e')],
        firstUnchosen: 3,
      })
      await storage.close()
    })

    it.each(keys)('of any byte of %s is refused, and the record is named', async (key) => {
      await used()
      const stored = await raw(
        async (database) => (await database.get<string, Buffer>(key, { valueEncoding: 'buffer' }))!,
      )
      for (const position of [0, 7, 8, 9, stored.length >> 1, stored.length - 1]) {
        const damaged = Buffer.from(stored)
        damaged[position]! ^= 1
        await raw((database) => database.put<string, Buffer>(key, damaged, { valueEncoding: 'buffer' }))
        const message = await refusal()
        expect(message).toContain(key)
        expect(message).toContain('it is damaged')
      }
      for (const length of [0, 8, stored.length - 1]) {
        const cut = stored.subarray(0, length)
        await raw((database) => database.put<string, Buffer>(key, cut, { valueEncoding: 'buffer' }))
        expect(await refusal()).toContain(key)
      }
    })

    it.each(keys)('by which %s is gone is refused, and the record is named', async (key) => {
      await used()
      await raw((database) => database.del(key))
      expect(await refusal()).toContain(`the record ${key} is missing`)
    })

    it('by which a write was lost and a later one kept is refused', async () => {
      const keys = [instanceKey(0), instanceKey(1)]
      const storage = await founded()
      await storage.persist(accepting(1, record(0, 1, 'loser'), record(1, 1, 'old')))
      await storage.close()
      const [loser, old] = await raw((database) => database.getMany(keys))
      await storage.open()
      await storage.persist(learning(0, 'winner'))
      await storage.persist(accepting(2, record(1, 2, 'new')))
      await storage.persist(accepting(3))
      await storage.close()
      const [winner] = await raw((database) => database.getMany(keys))

      await raw((database) => database.put(instanceKey(0), loser!))
      expect(await refusal()).toContain('is not the last one that was written')
      await raw((database) => database.put(instanceKey(0), winner!))
      await raw((database) => database.put(instanceKey(1), old!))
      expect(await refusal()).toContain(
        `the record ${instanceKey(1)} was stored by write 2, and the last write of this record was 4`,
      )
    })

    it('by which CURRENT is gone is refused: LevelDB would begin a new, empty database', async () => {
      await used()
      await rm(join(directory, 'CURRENT'))
      expect(await refusal()).toContain('its file CURRENT is gone')
    })

    it('of what LevelDB itself keeps is refused', async () => {
      await used()
      await writeFile(join(directory, 'CURRENT'), 'nothing')
      expect(await refusal()).toContain('it is damaged')
    })

    it('of the log is refused, or leaves an earlier state: LevelDB drops what it cannot read, and goes on', async () => {
      const storage = await founded()
      const names = Array.from({ length: 60 }, (_, instance) => String(instance).repeat(500))
      for (const [instance, name] of names.entries()) {
        await storage.persist(accepting(instance + 1, record(instance, instance + 1, name)))
        await storage.persist(learning(instance, name))
      }
      await storage.close()
      const log = (await readdir(directory)).find((file) => file.endsWith('.log'))!
      const whole = await readFile(join(directory, log))
      const blockBytes = 32_768
      expect(whole.length).toBeGreaterThan(2 * blockBytes)
      const lastBlock = whole.length - (whole.length % blockBytes)
      const original = directory
      directory = join(parent, 'copy')
      for (let position = 100; position < whole.length; position += 2_999) {
        await rm(directory, { recursive: true, force: true })
        await cp(original, directory, { recursive: true })
        const damaged = Buffer.from(whole)
        damaged[position]! ^= 0x10
        await writeFile(join(directory, log), damaged)
        if (position < lastBlock) {
          expect(await refusal()).toContain('it is damaged')
          continue
        }
        // This cannot be told apart from a crash before these writes were synced.
        const opened = new LevelStorage(directory)
        const { firstUnchosen, promised } = await opened.open()
        expect(firstUnchosen).toBeLessThan(60)
        expect(promised!.round - firstUnchosen).toBeLessThanOrEqual(1)
        expect(await opened.chosen(0, 1_000_000)).toEqual(names.slice(0, firstUnchosen).map(batch))
        await opened.close()
      }
    })

    it('that comes while it is open is not read to anybody', async () => {
      await used()
      let database: Database | undefined
      const storage = new LevelStorage(directory, async (path) => {
        database = await openLevelDatabase(path)
        return database
      })
      await storage.open()
      const [stored] = await database!.getMany([instanceKey(1)])
      const damaged = stored!.replace('"b"', '"B"')
      expect(damaged).not.toBe(stored)
      await database!.batch([{ type: 'put', key: instanceKey(1), value: damaged }], { sync: false })
      await expect(storage.chosen(0, 10_000)).rejects.toThrow(instanceKey(1))
      await expect(storage.chosen(0, 10_000)).rejects.toThrow(StorageError)
      expect(await storage.chosen(2, 10_000)).toEqual([batch('c')])
      await storage.close()
    })
  })

  describe('writing', () => {
    interface Written {
      readonly keys: string[]
      readonly sync: boolean
    }

    /** LevelDB, with each write noted, and `fault` called before each but the first `from`. */
    function observed(
      written: Written[],
      fault: () => Promise<void> = async () => undefined,
      { from } = { from: 0 },
    ) {
      let count = 0
      return async (path: string): Promise<Database> => {
        const database = await openLevelDatabase(path)
        return {
          getMany: (keys) => database.getMany(keys),
          iterator: (range) => database.iterator(range),
          close: () => database.close(),
          batch: async (puts: Put[], options) => {
            written.push({ keys: puts.map(({ key }) => key), sync: options.sync })
            count += 1
            if (count > from) await fault()
            await database.batch(puts, options)
          },
        }
      }
    }

    it("begins to write an acceptor's at once, with what the learner's waited with", async () => {
      const written: Written[] = []
      const storage = await founded(observed(written))
      await new Promise(setImmediate)
      written.length = 0
      const asked = [storage.persist(learning(0, 'a')), storage.persist(accepting(1, record(1, 1, 'b')))]
      expect(written).toEqual([{ keys: [instanceKey(0), instanceKey(1), 'meta/state'], sync: true }])
      await Promise.all(asked)
      await storage.close()
    })

    it('lets what is asked for during a sync, or as an answer to it, join the next one', async () => {
      const written: Written[] = []
      let finishSync = () => {}
      const storage = await founded(
        observed(written, () => new Promise((resolve) => (finishSync = resolve)), { from: 1 }),
      )
      written.length = 0
      const late: Promise<void>[] = []
      const first = storage.persist(accepting(1)).then(() => {
        late.push(storage.persist(accepting(9, record(9, 9, 'x'))))
      })
      await new Promise(setImmediate)
      for (let round = 2; round < 9; round += 1) {
        late.push(storage.persist(accepting(round, record(round, round, 'x'))))
        await new Promise(setImmediate)
      }
      expect(written.length).toBe(1)
      finishSync()
      await first
      await new Promise(setImmediate)
      finishSync()
      await Promise.all(late)
      expect(written.map(({ keys }) => keys.length)).toEqual([1, 9])
      await storage.close()
    })

    it("lets a learner's write wait for an acceptor's, and keeps no acceptor's waiting for it", async () => {
      const written: Written[] = []
      const storage = await founded(observed(written))
      written.length = 0
      const learned = storage.persist(learning(0, 'a'))
      await new Promise(setImmediate)
      expect(written).toEqual([])
      await storage.persist(accepting(1))
      await learned
      expect(written).toEqual([{ keys: [instanceKey(0), 'meta/state'], sync: true }])
      await storage.close()
    })

    it('does not store again what was accepted when it turns out to be chosen', async () => {
      const written: Written[] = []
      const storage = await founded(observed(written))
      const accepted = record(0, 1, 'a')
      await storage.persist(accepting(1, accepted, record(1, 1, 'b'), record(2, 1, 'loser')))
      written.length = 0
      await storage.persist({
        by: 'learner',
        chosen: [{ instance: 0, batch: accepted.batch }, ...learningBatches(1, 'b', 'winner')],
      })
      expect(written).toEqual([{ keys: [instanceKey(2), 'meta/state'], sync: false }])
      await storage.close()
    })

    function learningBatches(from: number, ...names: string[]) {
      return names.map((name, offset) => ({ instance: from + offset, batch: batch(name) }))
    }

    it('has no more than one write unsynced, and repeats it with the next', async () => {
      const written: Written[] = []
      const storage = await founded(observed(written))
      written.length = 0
      await storage.persist(learning(0, 'a'))
      await storage.persist(learning(1, 'b'))
      await storage.persist(learning(2, 'c'))
      await storage.persist(accepting(1))
      await storage.persist(learning(3, 'd'))
      await storage.close()
      expect(written).toEqual([
        { keys: [instanceKey(0), 'meta/state'], sync: false },
        { keys: [instanceKey(0), instanceKey(1), 'meta/state'], sync: true },
        { keys: [instanceKey(2), 'meta/state'], sync: false },
        { keys: [instanceKey(2), 'meta/state'], sync: true },
        { keys: [instanceKey(3), 'meta/state'], sync: false },
        { keys: [instanceKey(3), 'meta/state'], sync: true },
      ])
    })

    it('stops for good at the first failure, even if the disk is well again at once', async () => {
      const written: Written[] = []
      let failSync = () => {}
      let faults = 0
      const storage = await founded(
        observed(
          written,
          () => {
            faults += 1
            if (faults > 1) return Promise.resolve()
            return new Promise((_, reject) => {
              failSync = () => reject(new Error('ENOSPC: no space left on device'))
            })
          },
          { from: 2 },
        ),
      )
      await storage.persist(accepting(1))
      written.length = 0
      const writes = [storage.persist(accepting(2)), storage.persist(learning(0, 'a'))]
      await new Promise(setImmediate)
      writes.push(storage.persist(accepting(3)))
      failSync()
      for (const write of writes) await expect(write).rejects.toThrow('no space left on device')
      expect(storage.failed).toBeInstanceOf(StorageError)
      expect(storage.failed?.message).toContain(directory)
      await expect(storage.persist(accepting(4))).rejects.toBe(storage.failed)
      await expect(storage.persist(learning(0, 'a'))).rejects.toBe(storage.failed)
      expect(written.length).toBe(1)
      await storage.close()

      const again = new LevelStorage(directory)
      expect(await again.open()).toMatchObject({ promised: ballot(1), firstUnchosen: 0 })
      await again.close()
    })

    it('leaves nothing when the first write fails', async () => {
      const storage = new LevelStorage(
        directory,
        observed([], async () => {
          throw new Error('EIO')
        }),
      )
      await storage.open()
      await expect(storage.initialise(identity)).rejects.toThrow('EIO')
      await expect(storage.persist(accepting(1))).rejects.toThrow('EIO')
      await storage.close()
      const again = new LevelStorage(directory)
      expect((await again.open()).identity).toBeNull()
      await again.close()
    })
  })

  describe('another process', () => {
    const script = fileURLToPath(new URL('./write-loop.ts', import.meta.url))

    /** Runs the write loop until it has stored `count` more; `stop` kills it and says which was the last that it stored. */
    async function writing(count: number): Promise<{ stop(): Promise<number> }> {
      const child = spawn(process.execPath, ['--import', 'tsx', script, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const exited = once(child, 'close')
      let output = ''
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (data: Buffer) => {
          output += data
          if (output.split('\n').length > count) resolve()
        })
        exited.then(() => reject(new Error('the write loop ended by itself')), reject)
      })
      return {
        async stop() {
          child.kill('SIGKILL')
          await exited
          return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1))
        },
      }
    }

    it('has the directory to itself, and what it stored is there when it was killed', async () => {
      await (await founded()).close()
      let before = 0
      for (const count of [1, 60, 300]) {
        const loop = await writing(count)
        expect(await refusal()).toContain('it is in use by another process')
        const last = await loop.stop()
        const storage = new LevelStorage(directory)
        const { promised, accepted, firstUnchosen } = await storage.open()
        expect(last).toBeGreaterThanOrEqual(before)
        expect(promised!.round).toBeGreaterThanOrEqual(last + 1)
        const chosen = await storage.chosen(0, 10_000_000)
        expect(chosen).toEqual(Array.from({ length: firstUnchosen }, (_, instance) => batch(`n${instance}`)))
        const all = firstUnchosen + accepted.length
        expect(all).toBeGreaterThan(last)
        expect(all).toBe(promised!.round)
        for (const { instance, batch: stored } of accepted) expect(stored).toEqual(batch(`n${instance}`))
        before = last
        await storage.close()
      }
    })
  })
})
