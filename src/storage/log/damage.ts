/** Damaged data of a store. The server must not start from it: it may lack a promise or a vote of this server. */
export class Damage extends Error {
  override readonly name = 'Damage'
  /** The damaged file, relative to the directory of the server. */
  readonly file: string
  readonly offset: number
  readonly reason: string

  constructor(file: string, offset: number, reason: string, cause?: unknown) {
    super(damageText(`${file}, at byte ${offset}: ${reason}`), { cause })
    this.file = file
    this.offset = offset
    this.reason = reason
  }
}

/** What was found, and the only safe remedy. An older copy is no remedy: it may lack a promise of this server. */
export function damageText(what: string): string {
  return (
    `it is damaged: ${what}. Do not restore an older copy, which may lack promises of this server: ` +
    'remove the server from the cluster, and let it join again with an empty directory'
  )
}
