/** Between the names of composed services, in the name of the whole. */
export const nameJoint = '+'

/** The names of the services that a cluster runs whose service is `running`. */
export function partsOf(running: string): readonly string[] {
  return running.split(nameJoint)
}
