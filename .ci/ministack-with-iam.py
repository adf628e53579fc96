"""MiniStack with its policies enforced, and three things put right that it does otherwise than AWS.

AUTH=true makes MiniStack ask the policies of whoever calls. It is told here:

- that every request came by TLS: the bucket's policy refuses others, and the emulator listens without;
- that a batch of SQS needs the permission of the single request (the service authorization reference of Amazon SQS
  lists no SendMessageBatch, DeleteMessageBatch or ChangeMessageVisibilityBatch);
- that a rule of the default event bus has no bus in its ARN (the service authorization reference of Amazon EventBridge:
  `rule-on-default-event-bus`).
"""

import os

os.environ["AUTH"] = "true"

from ministack.core import iam_actions, iam_evaluator

action_of = iam_actions.extract_iam_action
resource_of = iam_actions.extract_resource_arn
pin_origin = iam_evaluator.pin_request_origin


def single_action(*args, **kwargs):
    action = action_of(*args, **kwargs)
    return action.removesuffix("Batch") if action and action.startswith("sqs:") else action


def resource_on_default_bus(*args, **kwargs):
    return resource_of(*args, **kwargs).replace(":rule/default/", ":rule/")


def pin_origin_with_tls(source_ip, _secure_transport):
    pin_origin(source_ip, True)


iam_actions.extract_iam_action = single_action
iam_actions.extract_resource_arn = resource_on_default_bus
iam_evaluator.pin_request_origin = pin_origin_with_tls

# Takes some of these by name: it comes after them.
from ministack.app import main  # noqa: E402

main()
