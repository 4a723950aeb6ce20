"""The process devices connect to: amqtt hosts our plugin, the plugin opens the front door and the cloud behind it."""
