/** Damaged data of a store. The server must not start from it: it may lack a promise or a vote of this server. */
export class Damage extends Error {
  override readonly name = 'Damage'
  /** The damaged file, relative to the directory of the server. */
  readonly file: string
  /** `null` when the whole file is concerned: then the reason names the file. */
  readonly offset: number | null
  readonly reason: string

  constructor(file: string, offset: number | null, reason: string, cause?: unknown) {
    const place = offset === null ? '' : `${file}, at byte ${offset}: `
    super(`it is damaged: ${place}${reason}. ${damageRemedy}`, { cause })
    this.file = file
    this.offset = offset
    this.reason = reason
  }
}

/** The only safe remedy. An older copy is no remedy: it may lack a promise of this server. */
export const damageRemedy =
  'Do not restore an older copy, which may lack promises of this server: ' +
  'remove the server from the cluster (`paxos members remove`), ' +
  'and let it join again with an empty directory (`paxos node --join`)'
