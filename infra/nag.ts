import { CfnResource } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/**
 * Says why a rule of cdk-nag does not hold for a resource. Written as the metadata that cdk-nag reads, so that who uses
 * the construct need not have it.
 */
export function excuse(construct: IConstruct, id: string, reason: string): void {
  const resource = CfnResource.isCfnResource(construct) ? construct : construct.node.defaultChild
  if (!CfnResource.isCfnResource(resource))
    throw new Error(`${construct.node.path} has no resource of its own`)
  const before = resource.getMetadata('cdk_nag') as { rules_to_suppress: readonly unknown[] } | undefined
  resource.addMetadata('cdk_nag', {
    rules_to_suppress: [...(before?.rules_to_suppress ?? []), { id, reason }],
  })
}
