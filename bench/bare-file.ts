import { close, fdatasync, open, write } from 'node:fs'
import { promisify } from 'node:util'

const blockBytes = 4_096

/** A file that is written ahead with zeros. Its blocks are written and synced in order, with nothing around them. */
export class BareFile {
  readonly #file: number
  readonly #block = Buffer.alloc(blockBytes, 'x')
  #offset = 0

  private constructor(file: number) {
    this.#file = file
  }

  /** Creates a file of `blocks` blocks. */
  static async create(path: string, blocks: number): Promise<BareFile> {
    const file = await promisify(open)(path, 'w')
    await promisify(write)(file, Buffer.alloc(blocks * blockBytes), 0, blocks * blockBytes, 0)
    await promisify(fdatasync)(file)
    return new BareFile(file)
  }

  /** Writes and syncs the next block. Throws the error of the file system. */
  append(): Promise<void> {
    const offset = this.#offset
    this.#offset += blockBytes
    return new Promise((resolve, reject) => {
      write(this.#file, this.#block, 0, blockBytes, offset, (unwritten) => {
        if (unwritten !== null) reject(unwritten)
        else
          fdatasync(this.#file, (error) => {
            if (error === null) resolve()
            else reject(error)
          })
      })
    })
  }

  close(): Promise<void> {
    return promisify(close)(this.#file)
  }
}
