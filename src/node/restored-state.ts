/** The replicated state in a backup. */

import { utf8 } from '../core/bytes.ts'
import { canonicalJson } from '../core/digest.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { type Replica, Restoration } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import type { BackupReader } from '../storage/backup-file.ts'

/** Reads the state in a backup. Throws a `StartError` with the reason when it is none of `service`. */
export function stateIn(backup: BackupReader, service: Service): Replica {
  const { header } = backup
  if (header.service !== service.name) {
    throw new StartError(
      `the backup is of the service ${header.service}, and this program runs ${service.name}: restore it with that service`,
    )
  }
  // The members of the lost cluster are not needed: the new one has others.
  const head = { ...Object(header.head), members: [] }
  const restoration = new Restoration(service)
  try {
    restoration.add(utf8(`${canonicalJson(head)}\n`))
    for (const part of backup.parts()) restoration.add(part)
    return restoration.end()
  } catch (error) {
    throw new StartError(`the backup cannot be restored: ${messageOf(error)}`)
  }
}
