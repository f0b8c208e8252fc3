/**
 * The power fails: the disk of a server is an ext4 image, which is copied while the server is stopped, without a sync. The server then
 * continues on the copy, which lacks all that only the cache of the operating system held.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFile, cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LiveCluster } from '../support/live-cluster.ts'
import { judge } from './judge.ts'
import { LockLoad } from './lock-load.ts'

const imageBytes = 256 * 1_048_576
const clients = 4

export interface PowerReport {
  readonly outages: number
  readonly answered: number
  readonly longestWaitMs: number
  /** What does not hold; empty when all is well. */
  readonly faults: readonly string[]
}

/** Why no image can be mounted here; `null` when one can. */
export function mountRefusal(): string | null {
  if (process.getuid?.() !== 0) return 'only the superuser can mount an image of a disk'
  const isThere = spawnSync('mkfs.ext4', ['-V']).error === undefined
  return isThere ? null : 'mkfs.ext4 is not installed: there is no image of a disk'
}

/** One server alone, so that each answer depends on its disk. A start that fails ends the campaign with its error. */
export async function powerCampaign(outages: number, progress: (line: string) => void): Promise<PowerReport> {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-power-'))
  const cluster = await LiveCluster.start(1)
  const disk = new Disk(directory, cluster.dataDir(0))
  try {
    await cluster.crash(0)
    await disk.take()
    await cluster.restart(0, { args: ['--moved'] })
    const load = new LockLoad(Array.from({ length: clients }, () => cluster.connect(0)))
    for (let outage = 0; outage < outages; outage += 1) {
      await cluster.pass(300 + ((outage * 137) % 1_000))
      cluster.process(0).signal('SIGSTOP')
      const answered = load.answered.length
      await disk.copy()
      await cluster.crash(0)
      await disk.useCopy()
      await cluster.restart(0)
      progress(`outage ${outage + 1} of ${outages}: ${answered} answered before`)
    }
    await load.stop()
    const faults = await judge(cluster, load, [0])
    return { outages, answered: load.answered.length, longestWaitMs: load.longestMs, faults }
  } finally {
    await cluster.crash(0).catch(() => undefined)
    disk.unmount()
    await cluster.close()
    await rm(directory, { recursive: true, force: true })
  }
}

/** An image of a disk, mounted at the data directory of a server. */
class Disk {
  readonly #image: string
  readonly #copy: string
  readonly #place: string
  #isMounted = false

  constructor(directory: string, place: string) {
    this.#image = join(directory, 'image')
    this.#copy = join(directory, 'copy')
    this.#place = place
  }

  /** Makes a disk with the contents of the directory. */
  async take(): Promise<void> {
    const contents = `${this.#image}.contents`
    await cp(this.#place, contents, { recursive: true, filter: (path) => !/lock-[0-9a-f]{8}$/.test(path) })
    execFileSync('truncate', ['-s', `${imageBytes}`, this.#image])
    execFileSync('mkfs.ext4', ['-q', this.#image])
    this.#mount()
    await cp(contents, this.#place, { recursive: true })
    execFileSync('chmod', ['700', this.#place])
    execFileSync('sync', ['-f', this.#place])
  }

  /** Copies what the disk holds now. */
  copy(): Promise<void> {
    return copyFile(this.#image, this.#copy)
  }

  /** Continues with the copy. */
  async useCopy(): Promise<void> {
    this.unmount()
    await rename(this.#copy, this.#image)
    this.#mount()
  }

  unmount(): void {
    if (this.#isMounted) execFileSync('umount', [this.#place])
    this.#isMounted = false
  }

  #mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.#place])
    this.#isMounted = true
  }
}
