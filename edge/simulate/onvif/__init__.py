"""An ONVIF camera that is not there: a head that takes its time, the services that move it, and its beacon."""
