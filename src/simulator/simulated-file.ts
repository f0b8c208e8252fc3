/**
 * The unit in which a disk writes: a power cut leaves each sector as it was or as it was to be. It is smaller than on a real disk, so
 * that small groups tear, too.
 */
export const sectorBytes = 128

interface Dirty {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A file of a simulated disk: its contents in the cache, its contents on the disk, and the writes between them. */
export class SimulatedFile {
  readonly #cache = new Contents()
  readonly #disk = new Contents()
  /** Copies of the writes since the last sync, in order. */
  #dirty: Dirty[] = []

  /** A file with these bytes, which are synced. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#cache.replace(bytes)
    this.#disk.replace(bytes)
  }

  read(offset: number, lengthBytes: number): Uint8Array {
    return this.#cache.read(offset, lengthBytes)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#cache.write(offset, bytes)
    this.#dirty.push({ offset, bytes: bytes.slice() })
  }

  sync(): void {
    for (const { offset, bytes } of this.#dirty) this.#disk.write(offset, bytes)
    this.#dirty = []
  }

  /** A sync that fails: the writes look written, and no later sync writes them. */
  failSync(): void {
    this.#dirty = []
  }

  /** The power fails. `isKept` decides for each sector of the unsynced writes. */
  cutPower(isKept: () => boolean): void {
    for (const { offset, bytes } of this.#dirty) {
      for (let at = 0; at < bytes.length; at += sectorBytes) {
        if (isKept()) this.#disk.write(offset + at, bytes.subarray(at, at + sectorBytes))
      }
    }
    this.#dirty = []
    this.#cache.replace(this.#disk.read(0, Number.POSITIVE_INFINITY))
  }
}

/** Bytes that grow. */
class Contents {
  #bytes = new Uint8Array(0)
  #lengthBytes = 0

  read(offset: number, lengthBytes: number): Uint8Array {
    return this.#bytes.slice(
      Math.min(offset, this.#lengthBytes),
      Math.min(offset + lengthBytes, this.#lengthBytes),
    )
  }

  write(offset: number, bytes: Uint8Array): void {
    const endBytes = offset + bytes.length
    if (endBytes > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(endBytes, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, this.#lengthBytes))
      this.#bytes = larger
    }
    this.#bytes.set(bytes, offset)
    this.#lengthBytes = Math.max(this.#lengthBytes, endBytes)
  }

  replace(bytes: Uint8Array): void {
    this.#bytes = Uint8Array.from(bytes)
    this.#lengthBytes = bytes.length
  }
}
