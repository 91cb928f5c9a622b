from bind_demo.cluster import images

TAGS = {"bind-operator": "0.1.0-1", "bind-inference": "0.1.0-2", "bind-inference-cpu": "0.1.0-cpu-3"}


def test_the_published_images_need_no_argument() -> None:
    assert images.published().helm_args() == []


def test_local_tags_are_strings_to_helm() -> None:
    args = images.tagged({"bind-operator": "0.1.0-000000000001", "bind-inference-cpu": "0.1.0-2"}).helm_args()
    assert args == [
        "--set-string",
        "image.tag=0.1.0-000000000001",
        "--set-string",
        "images.inference.tag=0.1.0-2",
    ]


def test_a_registry_with_a_path_goes_before_the_names() -> None:
    values = images.from_registry("registry.example.org:5000/team/ai/", TAGS).values
    assert values["image.registry"] == "registry.example.org:5000"
    assert values["image.repository"] == "team/ai/bind-operator"
    assert values["image.tag"] == "0.1.0-1"
    assert values["images.inference.tag"] == "0.1.0-2"
    assert values["images.inference.cpu.tag"] == "0.1.0-cpu-3"
    assert values["images.inference.repository"] == "team/ai/bind-inference"


def test_a_bare_registry_gets_the_bare_names() -> None:
    assert images.from_registry("localhost:5000", TAGS).values["image.repository"] == "bind-operator"
