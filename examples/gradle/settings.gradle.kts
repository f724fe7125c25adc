rootProject.name = "lora4j-gradle-example"
