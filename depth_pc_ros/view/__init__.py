"""What a person sees of a servo: pictures, and a page for a browser that shows them. No ROS."""
